"""Joulescope JS110 and JS220, through the maker's driver package."""
