-- What a platform has told since a page of its lists was opened is newer than the page.
GRANT SELECT ON platform_versions TO worker;
