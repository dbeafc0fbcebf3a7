"""Writes the page of the published rounds.

``python -m energy.catalogue > docs/reference/published-rounds.md``
"""

import sys

from energy.catalogue.page import published_rounds_page
from energy.catalogue.row import read_rows

sys.stdout.write(published_rounds_page(read_rows()))
