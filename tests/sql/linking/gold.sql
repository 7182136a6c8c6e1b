-- Each case: a comment line with the expected tables and columns ("table.column", "*" for all), then one query.
-- author.name
SELECT name FROM author
-- member
SELECT COUNT(*) FROM member
-- book.*
SELECT * FROM book
-- book.* author.name wrote.author_id wrote.book_id author.author_id
SELECT T1.*, T3.NAME FROM Book AS T1 JOIN wrote T2 ON T1.book_id = T2.book_id JOIN author AS T3 ON t3.author_id = t2.AUTHOR_ID
-- book.shelf code book.title
SELECT `title` FROM book WHERE "Shelf Code" = 'A'
-- author.name author.birthCountry
SELECT name FROM author WHERE birthcountry = "Peru"
-- author.name
SELECT name AS peru FROM author ORDER BY "peru"
-- loan.fee loan.member_id member.full_name member.id
SELECT full_name FROM member WHERE id IN (SELECT member_id FROM loan WHERE fee > 2)
-- loan.fee loan.member_id member.full_name member.id
SELECT full_name FROM member AS m WHERE EXISTS (SELECT 1 FROM loan WHERE member_id = m.id AND fee > 2)
-- loan.fee loan.member_id
SELECT t.total FROM (SELECT member_id, SUM(fee) AS total FROM loan GROUP BY member_id) AS t ORDER BY t.total
-- loan.fee loan.book_id book.title book.book_id
WITH dear AS (SELECT book_id AS b, fee FROM loan) SELECT title FROM book JOIN dear ON b = book.book_id WHERE dear.fee > 1
-- author.name member.full_name
SELECT name FROM author UNION SELECT full_name FROM member ORDER BY name
-- book.title book.pub_yr
SELECT title FROM book WHERE pub_yr = (SELECT MAX(pub_yr) FROM book)
-- loan.lent_on loan.fee
SELECT STRFTIME('%Y', lent_on), CAST(SUM(CASE WHEN fee > 1 THEN 1 ELSE 0 END) AS REAL) FROM loan GROUP BY 1
-- member.full_name
SELECT full_name FROM member WHERE rowid = 3
-- weather.zip_code member.zip_code member.full_name
SELECT full_name FROM member JOIN weather USING (zip_code)
