do $$
declare
    row record;
begin
    for row in select tablename, policyname from pg_policies where schemaname = current_schema() loop
        execute format('drop policy %I on %I', row.policyname, row.tablename);
        execute format('alter table %I no force row level security', row.tablename);
        execute format('alter table %I disable row level security', row.tablename);
    end loop;
end $$;
