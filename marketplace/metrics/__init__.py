"""Facts about creators: channels, daily numbers, videos. Imported, never typed in by a creator."""
