"""Parsers against mutated bytes (``make fuzz``): whatever comes, an answer or an error with a code.

Coverage-guided by atheris, which is not part of the tests' environment: the tests feed the same parsers with
Hypothesis. A target takes bytes and returns nothing; what escapes from it is a fault.
"""
