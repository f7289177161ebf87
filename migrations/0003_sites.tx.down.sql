drop table igny8_site_user_access;
drop table igny8_sectors;
drop table igny8_sites;
