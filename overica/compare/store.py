"""Where the store of studies was before version 0.2: the same module as `overica.studies.store`."""

import sys

from overica.studies import store

sys.modules[__name__] = store
