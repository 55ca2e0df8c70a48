"""The stores and kernels of the engine's tests."""

from tests.engine.conftest import _kernel_cache as _kernel_cache
from tests.engine.conftest import new_store as new_store
