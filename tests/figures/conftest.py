"""The table of goods that figures and reports are tried on."""

from goods import goods, page_data, pictured  # noqa: F401  fixtures
