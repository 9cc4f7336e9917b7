"""Sources of skeletons that read files, as `core.source.SkeletonSource`."""
