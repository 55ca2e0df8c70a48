"""The command line. Each module registers its commands; heavy libraries load inside them."""
