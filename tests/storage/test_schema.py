"""Migrated schema == tables, on both databases; migrating twice changes nothing."""

from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext

from storage.database import engine_for, normal_url
from storage.schema import migrate, newest
from storage.tables import metadata


def test_the_migrated_schema_is_the_tables(database_url: str) -> None:
    engine = engine_for(normal_url(database_url))
    with engine.connect() as connection:
        differences = compare_metadata(MigrationContext.configure(connection), metadata)
    engine.dispose()
    assert differences == []


def test_migrating_again_changes_nothing(database_url: str) -> None:
    assert migrate(database_url) == newest()
    assert migrate(database_url) == newest()
