"""Laws are tried on as many examples as ever; how long one takes on a busy machine is no failure."""

from hypothesis import settings

settings.register_profile("any-machine", deadline=None)
settings.load_profile("any-machine")
