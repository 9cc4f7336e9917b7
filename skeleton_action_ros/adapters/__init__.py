"""The outside world: one module a third-party library, file format or device."""
