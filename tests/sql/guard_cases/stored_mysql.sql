SELECT `now`()
SELECT `sum`(id) FROM customers
SELECT `count`(id) FROM customers
SELECT `substr`('abc', 2)
SELECT `if`(1, 2, 3)
SELECT * FROM customers WHERE `sum`(id) > 0
SELECT shop.`sum`(id) FROM customers
SELECT `SUM`(id) FROM customers
