delete from igny8_industry_sectors where id <= 135;
delete from igny8_industries where id <= 18;
select setval('igny8_industry_sectors_id_seq', 1, false);
select setval('igny8_industries_id_seq', 1, false);
