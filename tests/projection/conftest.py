"""Compiled kernels are kept between runs."""

from tests.kernel.conftest import _kernel_cache as _kernel_cache
