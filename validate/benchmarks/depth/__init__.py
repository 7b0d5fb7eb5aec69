"""How deep plain networks of spikes learn, without norms or shortcuts: initialisations × depths × seeds."""

from __future__ import annotations
