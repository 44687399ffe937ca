"""Settings of the property tests: no deadlines, since a loaded machine is not a defect."""

from hypothesis import settings

settings.register_profile("ganglion", deadline=None)
settings.load_profile("ganglion")
