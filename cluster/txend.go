package cluster

import (
	"context"
	"errors"
	"slices"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/dot-do/kafka-embedded/engine"
)

// End implements engine.Producer. A context that has ended aborts; one that ends later does not keep the end back.
func (p *producer) End(ctx context.Context, commit bool) error {
	if err := p.e.enter(); err != nil {
		return err
	}
	defer p.e.calls.Done()
	tx := p.current()
	if tx == nil {
		return errNoTransaction()
	}
	bounded, cancel := p.e.bound(context.WithoutCancel(ctx))
	defer cancel()
	tx.turn.Lock()
	defer tx.turn.Unlock()
	if !tx.isOpen() {
		return errNoTransaction()
	}
	if err := ctx.Err(); err != nil && commit {
		tx.abort(bounded)
		return ctxError(err)
	}
	if !commit {
		tx.abort(bounded)
		return nil
	}
	return p.e.outcome(context.Background(), tx.commit(bounded))
}

// commit and abort are called with turn held.
func (t *transactor) commit(ctx context.Context) error {
	if err := t.flushNow(ctx); err != nil {
		t.abort(ctx)
		return err
	}
	err := t.cl.EndTransaction(ctx, kgo.TryCommit)
	if err == nil && t.onlyOffsets() {
		err = t.endOffsets(ctx, true)
	}
	if err != nil {
		return t.notCommitted(ctx, err)
	}
	t.over()
	t.settle(ctx)
	t.raise()
	return nil
}

// notCommitted is what a failed commit returns. An answer of the cluster says that nothing is committed; without one that
// is not known.
func (t *transactor) notCommitted(ctx context.Context, err error) error {
	t.mu.Lock()
	err = t.late(err)
	t.mu.Unlock()
	var answer *kerr.Error
	if !errors.As(err, &answer) {
		err = engine.Errorf(engine.ErrTimeout, "whether the transaction is committed is not known: %w", err)
		err.(*engine.Error).Retriable = false
	}
	t.abort(ctx)
	return err
}

// abort ends the transaction without a trace. Where the cluster does not hear of it, the next transaction's client makes
// it abort, or the transaction's timeout does.
func (t *transactor) abort(ctx context.Context) {
	err := t.cl.AbortBufferedRecords(ctx)
	if err == nil {
		err = t.cl.EndTransaction(ctx, kgo.TryAbort)
	}
	if err == nil && t.onlyOffsets() {
		err = t.endOffsets(ctx, false)
	}
	t.over()
	if err == nil {
		t.settle(ctx)
	} else if !errors.Is(explain(err), engine.ErrFenced) { // a new client would fence the other one
		t.cl.Close()
		t.cl = nil
	}
}

// over makes room for the next transaction.
func (t *transactor) over() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.open = false
}

// settle waits until the markers of a transaction that has ended are written, so that whoever sent it reads what it did. A
// cluster that does not tell is not waited for.
func (t *transactor) settle(ctx context.Context) {
	_ = await(ctx, func() (bool, error) {
		req := kmsg.NewPtrDescribeTransactionsRequest()
		req.TransactionalIDs = []string{t.id}
		answer, err := req.RequestWith(ctx, t.e.admin)
		if err != nil || len(answer.TransactionStates) != 1 || answer.TransactionStates[0].ErrorCode != 0 {
			return true, err
		}
		return !slices.Contains([]string{"PrepareCommit", "PrepareAbort"}, answer.TransactionStates[0].State), nil
	})
}
