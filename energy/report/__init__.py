"""What people look at: tables and pictures, from figures that other rooms computed."""
