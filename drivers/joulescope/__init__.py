"""Joulescope JS110 and JS220, on the maker's driver package."""
