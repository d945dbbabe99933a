-- +goose Up
insert into goose_db_version (version_id, is_applied) values (1, true);
