drop table igny8_sessions;
drop table igny8_login_directory;
drop table igny8_slug_directory;
alter table igny8_tenants drop constraint igny8_tenants_owner_fkey;
drop table igny8_users;
drop table igny8_tenants;
