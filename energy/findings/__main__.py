"""Writes the register as a page: ``python -m energy.findings > docs/reference/findings.md``."""

import sys

from energy.findings import reference_page

sys.stdout.write(reference_page())
