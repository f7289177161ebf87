drop table igny8_database_marks;
