from __future__ import annotations

from pathlib import Path

import pytest
import torch

from skeleton_action_ros.core.errors import SkeletonActionError
from training.resnet import (
    IMAGENET_CLASSES,
    BasicBlock,
    Bottleneck,
    ResNet18,
    ResNet50,
    load_imagenet,
)


def parameters(network: torch.nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


def imagenet_file(path: Path) -> dict[str, torch.Tensor]:
    """Weights as the file of a library has them: with a last layer, and without counters."""
    torch.manual_seed(1)
    state = ResNet18(IMAGENET_CLASSES).state_dict()
    weights = {k: v for k, v in state.items() if not k.endswith('num_batches_tracked')}
    torch.save(weights, path)
    return weights


def test_it_has_the_published_number_of_weights() -> None:
    assert parameters(ResNet18(IMAGENET_CLASSES)) == 11_689_512
    assert parameters(ResNet18()) == 11_176_512
    assert parameters(ResNet50(IMAGENET_CLASSES)) == 25_557_032


def test_it_takes_images_of_any_number_of_channels() -> None:
    less = parameters(ResNet18()) - parameters(ResNet18(channels=1))

    assert less == 2 * 64 * 7 * 7
    assert ResNet18(classes=5, channels=4).eval()(torch.rand(2, 4, 50, 50)).shape == (2, 5)
    assert ResNet50(channels=1).eval()(torch.rand(2, 1, 50, 50)).shape == (2, 2048)


@pytest.mark.parametrize(('size', 'last'), [(256, 8), (64, 2)])
def test_it_halves_the_image_five_times(size: int, last: int) -> None:
    network = ResNet18().eval()
    shapes = []
    for layer in (network.layer1, network.layer2, network.layer3, network.layer4):
        layer.register_forward_hook(lambda _, __, output: shapes.append(tuple(output.shape[1:])))

    with torch.inference_mode():
        features = network(torch.rand(1, 3, size, size))

    assert features.shape == (1, 512)
    assert shapes == [
        (64, 8 * last, 8 * last),
        (128, 4 * last, 4 * last),
        (256, 2 * last, 2 * last),
        (512, last, last),
    ]


def test_block_adds_what_its_convolutions_find_to_its_input() -> None:
    block = BasicBlock(2, 2, 1).eval()
    for convolution in (block.conv1, block.conv2):
        torch.nn.init.dirac_(convolution.weight)
    images = torch.randn(1, 2, 5, 5)

    with torch.inference_mode():
        found = block(images)

    # Batch normalisation that has seen nothing divides by sqrt(1 + 1e-5).
    wanted = (images.clamp(min=0.0) / (1 + 1e-5) + images).clamp(min=0.0)
    torch.testing.assert_close(found, wanted)


def test_bottleneck_goes_through_fewer_channels_and_back() -> None:
    block = Bottleneck(8, 2, 1).eval()
    torch.nn.init.dirac_(block.conv2.weight)
    for convolution in (block.conv1, block.conv3):
        convolution.weight.data.zero_()
    block.conv1.weight.data[0, 3] = block.conv1.weight.data[1, 5] = 1.0
    block.conv3.weight.data[6, 0] = block.conv3.weight.data[7, 1] = 1.0
    images = torch.rand(1, 8, 5, 5)

    with torch.inference_mode():
        found = block(images)

    # Batch normalisation that has seen nothing divides by sqrt(1 + 1e-5), thrice here.
    added = images.clone().zero_()
    added[:, 6:] = images[:, [3, 5]] / (1 + 1e-5) ** 1.5
    torch.testing.assert_close(found, images + added)


def test_imagenet_weights_are_taken_by_name_and_the_last_layer_is_left(tmp_path: Path) -> None:
    weights = imagenet_file(tmp_path / 'resnet18.pth')
    network = ResNet18()

    load_imagenet(network, tmp_path / 'resnet18.pth')

    own = network.state_dict()
    assert set(weights) - set(own) == {'fc.weight', 'fc.bias'}
    for name in set(weights) & set(own):
        assert torch.equal(own[name], weights[name]), name
    assert {'conv1.weight', 'layer2.0.downsample.0.weight', 'layer4.1.bn2.running_var'} <= set(own)


@pytest.mark.parametrize(
    ('change', 'message'),
    [
        ({'layer1.0.conv1.weight': None}, 'it has no layer1.0.conv1.weight'),
        (
            {'conv1.weight': torch.zeros(64, 1, 7, 7)},
            r'conv1.weight must be \(64, 3, 7, 7\), got \(64, 1, 7, 7\)',
        ),
        ({'layer3.2.conv1.weight': torch.zeros(1)}, 'what is layer3.2.conv1.weight'),
    ],
)
def test_weights_of_another_network_are_refused_and_change_nothing(
    tmp_path: Path, change: dict[str, torch.Tensor | None], message: str
) -> None:
    weights: dict[str, torch.Tensor | None] = dict(imagenet_file(tmp_path / 'whole.pth'))
    weights.update(change)
    torch.save({k: v for k, v in weights.items() if v is not None}, tmp_path / 'other.pth')
    network = ResNet18()
    before = {name: value.clone() for name, value in network.state_dict().items()}

    with pytest.raises(SkeletonActionError, match=message):
        load_imagenet(network, tmp_path / 'other.pth')

    assert all(torch.equal(value, before[k]) for k, value in network.state_dict().items())


@pytest.mark.parametrize(
    ('content', 'message'),
    [
        (None, 'cannot be read: No such file'),
        (b'', 'is no file of weights'),
        (b'GIF89a and so on', 'is no file of weights'),
        (b'hello world\n', 'is no file of weights'),
    ],
)
def test_file_without_weights_is_refused(
    tmp_path: Path, content: bytes | None, message: str
) -> None:
    path = tmp_path / 'weights.pth'
    if content is not None:
        path.write_bytes(content)

    with pytest.raises(SkeletonActionError, match=message):
        load_imagenet(ResNet18(), path)


@pytest.mark.parametrize('share', [0.1, 0.3, 0.5, 0.7, 0.9])
def test_file_of_torch_s_older_format_that_is_cut_off_is_refused(
    tmp_path: Path, share: float
) -> None:
    path = tmp_path / 'weights.pth'
    torch.save({'conv1.weight': torch.zeros(3)}, path, _use_new_zipfile_serialization=False)
    path.write_bytes(path.read_bytes()[: int(share * path.stat().st_size)])

    with pytest.raises(SkeletonActionError, match='is no file of weights'):
        load_imagenet(ResNet18(), path)


def test_list_instead_of_weights_by_name_is_refused(tmp_path: Path) -> None:
    torch.save([torch.zeros(1)], tmp_path / 'weights.pth')

    with pytest.raises(SkeletonActionError, match='a dictionary of weights by name, got list'):
        load_imagenet(ResNet18(), tmp_path / 'weights.pth')
