"""Tables, pictures and pages, made from figures that other rooms computed."""
