"""When and how hard the work may go: sensors, gates, duty, priority."""
