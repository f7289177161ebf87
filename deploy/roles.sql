-- The roles and the database, made once by a superuser, with psql 14 or newer:
--
--   IGNY8_MIGRATE_PASSWORD=… IGNY8_APP_PASSWORD=… psql -v ON_ERROR_STOP=1 -d postgres -f deploy/roles.sql
--
-- igny8_owner    owns every table; nobody logs in as it
-- igny8_migrate  logs in to migrate, and becomes igny8_owner for that
-- igny8_app      logs in to serve; owns nothing and is bound by row-level security

\getenv migrate_password IGNY8_MIGRATE_PASSWORD
\getenv app_password IGNY8_APP_PASSWORD

CREATE ROLE igny8_owner NOLOGIN NOSUPERUSER NOBYPASSRLS NOINHERIT;
CREATE ROLE igny8_migrate LOGIN NOSUPERUSER NOBYPASSRLS NOINHERIT PASSWORD :'migrate_password';
CREATE ROLE igny8_app LOGIN NOSUPERUSER NOBYPASSRLS NOINHERIT PASSWORD :'app_password';
GRANT igny8_owner TO igny8_migrate;

CREATE DATABASE igny8 OWNER igny8_owner ENCODING 'UTF8' TEMPLATE template0;

-- What Postgres 15 does by itself for a database made new, and older clusters may have undone.
REVOKE CONNECT ON DATABASE igny8 FROM PUBLIC;
GRANT CONNECT ON DATABASE igny8 TO igny8_migrate, igny8_app;

\connect igny8
REVOKE CREATE ON SCHEMA public FROM PUBLIC;
GRANT CREATE, USAGE ON SCHEMA public TO igny8_owner;
