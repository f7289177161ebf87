drop table igny8_industry_sectors;
drop table igny8_industries;
drop table igny8_plans;
