it('passes, and a promise that it left rejects later', () => {
  setTimeout(() => void Promise.reject(new Error('left behind')), 20);
});

it('is the next', (done) => {
  setTimeout(done, 60);
});
