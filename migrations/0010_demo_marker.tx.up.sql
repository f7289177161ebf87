-- Facts about the database as a whole, each by its name. 'demo' says that the demo state was loaded, whose
-- passwords anybody can read: production refuses to serve such a database. The application only reads.

create table igny8_database_marks (
    name       text constraint igny8_database_marks_pkey primary key check (name <> ''),
    created_at timestamptz not null default now()
);

grant select on igny8_database_marks to igny8_app;
