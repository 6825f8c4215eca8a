"""The schema: migrations to head by Alembic, from the package, without a configuration file.

Alembic is imported only when there is something to migrate: it costs a node half a second and ten megabytes.
"""

from pathlib import Path

from sqlalchemy import Connection, inspect, text

from storage.database import engine_for, normal_url

HEAD = "0004"
"""The revision this program wants; a test compares it with the migrations."""

MIGRATIONS = Path(__file__).parent / "migrations"
_LOCK = 7_046_029_254  # any constant: one migration at a time on PostgreSQL


def migrate(url: str) -> str:
    """Bring a database to the newest schema; its revision afterwards. One process at a time does it (G4)."""
    engine = engine_for(normal_url(url))
    try:
        with engine.connect() as connection:
            if connection.dialect.name == "postgresql":
                connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_LOCK})")
            if current(connection) != HEAD:
                _upgrade(connection)
            connection.commit()
            return HEAD
    finally:
        engine.dispose()


def current(connection: Connection) -> str | None:
    """The revision a database is at; None for an empty one."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    return connection.execute(text("SELECT version_num FROM alembic_version")).scalar()


def _upgrade(connection: Connection) -> None:
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
