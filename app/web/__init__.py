"""What every page of the dashboard stands on: state in the URL, sessions, protection, background work."""
