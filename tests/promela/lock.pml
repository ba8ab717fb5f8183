/* lock.pml: a fair lock, as simcore/locks/lock.c has it, for the models beside it.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Whoever finds it taken stands in line; it is handed over when it is given back, and who was handed it goes on in a step of its own.
 * The history of a lock is the order of those who touched it. Two schedules are equivalent if and only if all locks have the same
 * histories in both, so the number of final states with different histories is the number of inequivalent schedules.
 */

typedef Lock {
  byte owner;
  chan line = [3] of { byte };
  int history
}

#define touch(lock) lock.history = lock.history * 4 + me

inline take (lock)
{
  atomic {
    touch (lock);
    if
    :: lock.owner == 0 -> lock.owner = me; goes_on = true
    :: else -> lock.line ! me; goes_on = false
    fi
  }
  if
  :: goes_on
  :: else -> atomic { lock.owner == me -> touch (lock) }
  fi
}

inline give (lock)
{
  atomic {
    touch (lock);
    if
    :: nempty (lock.line) -> lock.line ? lock.owner
    :: empty (lock.line) -> lock.owner = 0
    fi
  }
}

Lock A, B;
byte ended;

/* The last one says what the histories are. */
#define END atomic { ended++; if :: ended == TASKS -> c_code { printf ("final %d %d\n", now.A.history, now.B.history); } :: else fi }
