-- On PostgreSQL this step makes the function that appends; here the one writer does the same by statements.
SELECT 1;
