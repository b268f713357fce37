"""Copies of a data set on a Hugging Face hub: taken from one by commit and digest, and made for one.

What is trusted
---------------
The clients check sizes, not contents, and a hub can be any server. So a copy carries `manifest.json`, the
SHA-256 of each of its files, and every file is compared with it before anything is written. Who vouches for
the manifest itself: the data set's own declaration (`Dataset.published`), else what the store remembers of an
earlier pull of the same commit. A copy that nobody declared is taken on the word of who named it; its labels
must still be those of the frozen splits, by the checks that official files go through.
"""

from bench.hub.obtaining import obtain
from bench.hub.publishing import push, repository
from bench.hub.pulling import pull

__all__ = ["obtain", "pull", "push", "repository"]
