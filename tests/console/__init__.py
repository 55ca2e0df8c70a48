"""The console: sessions, pages and their twins, and the screens in a browser."""
