"""Leases of pollers (N1): one holder at a time by the database's clock, each with a fence that only grows."""

from router.arrivals import Lease, LeaseLost
from storage.database import Transaction
from storage.statement import Statement

_TAKE = Statement(
    """
    INSERT INTO leases (resource, owner, until, fence) VALUES (:resource, :owner, :until, 1)
    ON CONFLICT (resource) DO UPDATE SET owner = excluded.owner, until = excluded.until, fence = leases.fence + 1
    WHERE leases.until < :now OR leases.owner = excluded.owner
    RETURNING fence
    """
)
_RENEW = Statement("UPDATE leases SET until = :until WHERE resource = :resource AND owner = :owner AND fence = :fence")
_HELD = Statement("SELECT 1 FROM leases WHERE resource = :resource AND fence = :fence", lock="FOR SHARE")
_RELEASE_ALL = Statement("UPDATE leases SET until = 0")
_RELEASE = Statement("UPDATE leases SET until = 0 WHERE resource = :resource AND owner = :owner AND fence = :fence")


def take(tx: Transaction, resource: str, owner: str, seconds: float) -> int | None:
    """The fence of a lease that is ours now; None while somebody else holds it."""
    until = tx.now + int(seconds * 1_000_000)
    row = tx.one(_TAKE, {"resource": resource, "owner": owner, "until": until, "now": tx.now})
    return row[0] if row else None


def renew(tx: Transaction, resource: str, owner: str, fence: int, seconds: float) -> bool:
    """False when the lease is lost."""
    until = tx.now + int(seconds * 1_000_000)
    return tx.run(_RENEW, {"resource": resource, "owner": owner, "fence": fence, "until": until}) == 1


def check(tx: Transaction, lease: Lease) -> None:
    """Nobody else has taken it, nor can until the commit; else raises LeaseLost."""
    if tx.one(_HELD, {"resource": lease.resource, "fence": lease.fence}) is None:
        raise LeaseLost(lease.resource)


def release(tx: Transaction, resource: str, owner: str, fence: int) -> None:
    tx.run(_RELEASE, {"resource": resource, "owner": owner, "fence": fence})


def take_back(tx: Transaction) -> None:
    """At the start of the only process of a database: whoever held a lease is gone."""
    tx.run(_RELEASE_ALL, {})
