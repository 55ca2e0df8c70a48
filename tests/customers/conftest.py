"""Stores to run an engine over: SQLite, and PostgreSQL where there is one."""

from __future__ import annotations

from tests.engine.conftest import new_store as new_store
from tests.kernel.conftest import _kernel_cache as _kernel_cache
