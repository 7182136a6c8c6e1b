"""Retrieved text: passages as sentence units with exact spans."""
