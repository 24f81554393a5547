package main

import (
	"database/sql"
	"errors"
	"path/filepath"
	"sync"

	_ "modernc.org/sqlite"
)

// sqliteDB: one table in WAL mode, through the port to Go without C, one transaction for each append.
var sqliteDB = Contender{
	Name: "sqlite (modernc)", Module: "modernc.org/sqlite",
	Reached: map[Level]Level{System: System, Fsync: Fsync},
	Open:    openSQLite,
}

type sqliteLog struct {
	db     *sql.DB
	mu     sync.Mutex
	insert *sql.Stmt
	get    *sql.Stmt
}

func openSQLite(dir string, o OpenOptions) (Log, error) {
	synchronous := "off"
	if o.Level == Fsync {
		synchronous = "full"
	}
	db, err := sql.Open("sqlite", "file:"+filepath.Join(dir, "records.db")+
		"?_pragma=journal_mode(wal)&_pragma=synchronous("+synchronous+")")
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(1) // one writer is all that SQLite allows
	l := &sqliteLog{db: db}
	if _, err := db.Exec("create table if not exists records (id integer primary key, value blob not null)"); err != nil {
		return nil, err
	}
	if l.insert, err = db.Prepare("insert into records (value) values (?)"); err != nil {
		return nil, err
	}
	l.get, err = db.Prepare("select value from records where id = ?")
	return l, err
}

func (l *sqliteLog) Append(records [][]byte) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(records) == 1 {
		_, err := l.insert.Exec(records[0])
		return err
	}
	tx, err := l.db.Begin()
	if err != nil {
		return err
	}
	defer tx.Rollback() // of no effect after the commit
	insert := tx.Stmt(l.insert)
	for _, record := range records {
		if _, err := insert.Exec(record); err != nil {
			return err
		}
	}
	return tx.Commit()
}

func (l *sqliteLog) ReadAll() (records, bytes int64, err error) {
	rows, err := l.db.Query("select value from records order by id")
	if err != nil {
		return 0, 0, err
	}
	defer rows.Close()
	var value sql.RawBytes
	for rows.Next() {
		if err := rows.Scan(&value); err != nil {
			return records, bytes, err
		}
		records++
		bytes += int64(len(value))
	}
	return records, bytes, rows.Err()
}

func (l *sqliteLog) Read(index int64) (record []byte, err error) {
	err = l.get.QueryRow(index + 1).Scan(&record)
	return record, err
}

func (l *sqliteLog) Close() error {
	return errors.Join(l.insert.Close(), l.get.Close(), l.db.Close())
}
