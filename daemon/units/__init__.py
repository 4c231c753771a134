"""The system's own service managers: systemd on Linux, launchd on macOS."""
