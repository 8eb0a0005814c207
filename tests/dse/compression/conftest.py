from digits_fixtures import _one_thread, data, trained  # noqa: F401 fixtures
