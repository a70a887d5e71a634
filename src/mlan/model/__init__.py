"""Models: towers, backbone, composition, adapters. Importing it registers the towers."""

from mlan.model import towers as towers
