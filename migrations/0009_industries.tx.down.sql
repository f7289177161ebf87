-- Fails while a removed sector is of another industry than its site has now.
alter table igny8_sectors drop constraint igny8_sectors_removed_fkey;
alter table igny8_sectors drop constraint igny8_sectors_site_fkey;
alter table igny8_sectors
    add constraint igny8_sectors_site_fkey foreign key (tenant_id, site_id, industry_id)
    references igny8_sites (tenant_id, id, industry_id);
alter table igny8_sectors drop column live_industry_id;

delete from igny8_industry_sectors where id <= 135;
delete from igny8_industries where id <= 18;
select setval('igny8_industry_sectors_id_seq', 1, false);
select setval('igny8_industries_id_seq', 1, false);
