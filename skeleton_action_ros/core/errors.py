"""What this package raises. Every message quotes what arrived and what was expected."""

from __future__ import annotations


class SkeletonActionError(ValueError):
    """Base of all errors of this package: bad input, never a bug."""


class UnknownLayoutError(SkeletonActionError):
    """The skeleton layout has no such name."""


class BadSkeletonError(SkeletonActionError):
    """A skeleton cannot be used; `reason` is a short key to count it by."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


class OutOfOrderError(BadSkeletonError):
    """A frame is not later than the last one of the same person."""

    def __init__(self, message: str) -> None:
        super().__init__('out_of_order', message)


class BadClipError(SkeletonActionError):
    """A clip is malformed, or too poor to be used."""


class BundleError(SkeletonActionError):
    """A model bundle is missing, damaged or does not do what its card says."""


class GalleryError(SkeletonActionError):
    """The gallery refuses a change, or its file cannot be used."""


class DatasetError(SkeletonActionError):
    """A dataset file does not follow its format."""


class BagError(SkeletonActionError):
    """A bag cannot be read, or holds other things than expected."""


class SourceError(SkeletonActionError):
    """A skeleton source cannot deliver."""


class ImageError(SkeletonActionError):
    """An image cannot be used; `reason` is a short key to count it by."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


class ConfigError(SkeletonActionError):
    """A parameter has a value outside its range."""


class ExamError(SkeletonActionError):
    """Clips cannot show how good a model is: too few persons, actions or usable clips."""


def reason_of(error: SkeletonActionError) -> str:
    """Return a short key to count an error by: its own, or its class (`unknown_layout`)."""
    own = getattr(error, 'reason', '')
    name = type(error).__name__.removesuffix('Error')
    return (
        own or ''.join(f'_{letter.lower()}' if letter.isupper() else letter for letter in name)[1:]
    )
