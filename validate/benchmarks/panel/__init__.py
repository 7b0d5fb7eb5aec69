"""The panel: ordinary networks, as users build them, trained from several initialisations on small tasks, in pairs of seeds."""

from __future__ import annotations
