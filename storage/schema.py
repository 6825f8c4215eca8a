"""The schema: an empty database gets the tables as they are now, an older one goes through the migrations by Alembic,
from the package, without a configuration file.

Alembic is imported only when there is something to migrate: it costs a node half a second and ten megabytes. A test
compares what both ways lead to.
"""

from pathlib import Path

from sqlalchemy import Connection, inspect, text

from storage.database import engine_for, normal_url
from storage.tables import metadata

HEAD = "0012"
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
            if not inspect(connection).get_table_names():
                _create(connection)
            elif current(connection) != HEAD:
                upgrade(connection)
            connection.commit()
            return HEAD
    finally:
        engine.dispose()


def current(connection: Connection) -> str | None:
    """The revision a database is at; None for an empty one."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    return connection.execute(text("SELECT version_num FROM alembic_version")).scalar()


def _create(connection: Connection) -> None:
    metadata.create_all(connection)
    connection.execute(text("INSERT INTO counters (name, value) VALUES ('conversation', 0)"))
    name = "CONSTRAINT alembic_version_pkc PRIMARY KEY"
    connection.execute(text(f"CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL, {name} (version_num))"))
    connection.execute(text("INSERT INTO alembic_version (version_num) VALUES (:head)"), {"head": HEAD})


def upgrade(connection: Connection) -> None:
    """Run the migrations that are missing, all of them on an empty database."""
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
