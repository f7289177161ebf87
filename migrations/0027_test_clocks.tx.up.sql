-- A sandbox account has a clock of its own, which stands still but where staff advance it: what it takes for now. Null:
-- the account lives by the real time. It goes forwards alone, and stays. The house's own accounts have none.
alter table igny8_tenants add column clock_at timestamptz;
alter table igny8_tenants add constraint igny8_tenants_clock_check check (clock_at is null or not is_system);
-- What is done by the real time leaves these few out.
create index igny8_tenants_clock_idx on igny8_tenants (id) where clock_at is not null;
grant update (clock_at) on igny8_tenants to igny8_app;
