-- An online bookshop. Rows are made by bookstore_rows.py.

CREATE TABLE Genre (
  GenreCode CHAR(3) PRIMARY KEY,
  GenreName VARCHAR(30) NOT NULL,
  ParentCode CHAR(3) REFERENCES Genre (GenreCode)
);

CREATE TABLE Publisher (
  PublisherID INTEGER PRIMARY KEY,
  PubName VARCHAR(60) NOT NULL,
  HomeCountry VARCHAR(30),
  FoundedYear INTEGER,
  IsSmallPress INTEGER NOT NULL -- 1 or 0
);

CREATE TABLE Author (
  AuthorID INTEGER PRIMARY KEY,
  AuthorName VARCHAR(60) NOT NULL,
  Nationality VARCHAR(30),
  BornYear INTEGER,
  DiedYear INTEGER
);

CREATE TABLE Book (
  BookID INTEGER PRIMARY KEY,
  ISBN CHAR(13) NOT NULL,
  Title VARCHAR(80) NOT NULL,
  GenreCode CHAR(3) REFERENCES Genre (GenreCode),
  PublisherID INTEGER REFERENCES Publisher (PublisherID),
  PublishedOn DATE,
  PageCount INTEGER,
  Lang CHAR(2) NOT NULL, -- en, de, fr, es
  Binding VARCHAR(10) NOT NULL, -- hardcover, paperback, ebook
  RetailPrice DECIMAL(8, 2) NOT NULL,
  PurchasePrice DECIMAL(8, 2) NOT NULL,
  OutOfPrint INTEGER NOT NULL, -- 1 or 0
  SeriesName VARCHAR(40)
);

CREATE TABLE BookAuthor (
  BookID INTEGER NOT NULL REFERENCES Book (BookID),
  AuthorID INTEGER NOT NULL REFERENCES Author (AuthorID),
  Contribution VARCHAR(12) NOT NULL, -- author, editor, translator, illustrator
  PRIMARY KEY (BookID, AuthorID)
);

CREATE TABLE Customer (
  CustID INTEGER PRIMARY KEY,
  FirstName VARCHAR(30) NOT NULL,
  Surname VARCHAR(30) NOT NULL,
  EmailAddr VARCHAR(80),
  Town VARCHAR(40),
  CountryCode CHAR(2) NOT NULL, -- GB, IE, DE, FR, ES, US
  DateOfBirth VARCHAR(10), -- DD/MM/YYYY
  RegisteredAt TIMESTAMP NOT NULL,
  MailingList CHAR(1) NOT NULL, -- Y or N
  Blocked INTEGER NOT NULL, -- 1 or 0
  RecommendedBy INTEGER REFERENCES Customer (CustID)
);

CREATE TABLE Staff (
  StaffID INTEGER PRIMARY KEY,
  StaffName VARCHAR(60) NOT NULL,
  Position VARCHAR(40) NOT NULL,
  Team VARCHAR(20) NOT NULL,
  StartDate DATE NOT NULL,
  EndDate DATE,
  YearlyPay INTEGER NOT NULL,
  BossID INTEGER REFERENCES Staff (StaffID)
);

CREATE TABLE Voucher (
  VoucherCode VARCHAR(16) PRIMARY KEY,
  PercentOff INTEGER NOT NULL,
  StartsOn DATE NOT NULL,
  EndsOn DATE,
  MinOrderValue DECIMAL(8, 2)
);

CREATE TABLE SalesOrder (
  OrderNo INTEGER PRIMARY KEY,
  CustID INTEGER NOT NULL REFERENCES Customer (CustID),
  OrderedAt TIMESTAMP NOT NULL,
  OrderState VARCHAR(10) NOT NULL, -- open, packed, sent, complete, cancelled
  PayMethod VARCHAR(12) NOT NULL, -- card, paypal, invoice, giftcard
  VoucherCode VARCHAR(16) REFERENCES Voucher (VoucherCode),
  HandledBy INTEGER REFERENCES Staff (StaffID),
  Postage DECIMAL(6, 2) NOT NULL,
  IsGift INTEGER NOT NULL -- 1 or 0
);

CREATE TABLE OrderLine (
  OrderNo INTEGER NOT NULL REFERENCES SalesOrder (OrderNo),
  LineNum INTEGER NOT NULL,
  BookID INTEGER NOT NULL REFERENCES Book (BookID),
  Qty INTEGER NOT NULL,
  PricePerCopy DECIMAL(8, 2) NOT NULL,
  PRIMARY KEY (OrderNo, LineNum)
);

CREATE TABLE Parcel (
  ParcelID INTEGER PRIMARY KEY,
  OrderNo INTEGER NOT NULL REFERENCES SalesOrder (OrderNo),
  Courier VARCHAR(20) NOT NULL,
  SentEpoch INTEGER NOT NULL, -- seconds since 1970
  ArrivedEpoch INTEGER, -- seconds since 1970
  WeightGrams INTEGER
);

CREATE TABLE Refund (
  RefundID INTEGER PRIMARY KEY,
  OrderNo INTEGER NOT NULL REFERENCES SalesOrder (OrderNo),
  BookID INTEGER NOT NULL REFERENCES Book (BookID),
  RefundDate VARCHAR(10) NOT NULL, -- DD/MM/YYYY
  RefundAmt DECIMAL(8, 2) NOT NULL,
  Cause VARCHAR(20),
  Accepted CHAR(1) -- Y, N, or NULL while nobody has decided
);

CREATE TABLE Rating (
  RatingID INTEGER PRIMARY KEY,
  BookID INTEGER NOT NULL REFERENCES Book (BookID),
  CustID INTEGER NOT NULL REFERENCES Customer (CustID),
  Stars INTEGER NOT NULL, -- 1 to 5
  Remark TEXT,
  RatedOn DATE NOT NULL
);

CREATE TABLE StockLevel (
  BookID INTEGER PRIMARY KEY REFERENCES Book (BookID),
  Shelf VARCHAR(6),
  QtyOnHand INTEGER NOT NULL,
  MinQty INTEGER NOT NULL,
  LastCounted DATE
);

CREATE TABLE PurchaseOrder (
  PONo INTEGER PRIMARY KEY,
  PublisherID INTEGER NOT NULL REFERENCES Publisher (PublisherID),
  BookID INTEGER NOT NULL REFERENCES Book (BookID),
  PlacedOn DATE NOT NULL,
  DueOn DATE NOT NULL,
  DeliveredOn DATE,
  Copies INTEGER NOT NULL,
  CostPerCopy DECIMAL(8, 2) NOT NULL
);
